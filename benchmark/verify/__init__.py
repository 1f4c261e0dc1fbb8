"""`bench verify`: compare models with reference outputs and with their own recorded outputs."""
