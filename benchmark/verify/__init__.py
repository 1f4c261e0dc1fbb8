"""`bench verify`: do the models answer what the reference outputs say, and what they answered
before?
"""
