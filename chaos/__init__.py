"""The attacker and the judge: breaks a stack on purpose and proves from a recording what followed."""
