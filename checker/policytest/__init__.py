"""The tests written inside policies, mutants that such tests have to notice, and proofs of what rules can never be."""
