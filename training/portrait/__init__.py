"""Portraits that move as a driver's picture, after MegaPortraits (Drobyshev et al., 2022): one file per network."""
