"""`bench verify`: do the models answer what the goldens say, and what they answered before?"""
