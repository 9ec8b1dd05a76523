class RagSuite: pass
