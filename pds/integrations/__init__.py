"""Score models of other libraries: diffusers, k-diffusion, EDM, azula.

Importing this package imports none of them.
"""
