class AgentsSuite: pass
