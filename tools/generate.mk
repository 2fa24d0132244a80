# Generated sources. A generator adds its output to GENERATED; nothing generated is edited by hand.
GENERATED :=
