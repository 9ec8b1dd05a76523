"""Models tested by cases: what is asked, what answers must fulfil, what came of it, and other tools' forms of that."""
