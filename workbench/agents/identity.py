"""Keys of an agent's identity that are not what was asked, but how often, or how its answers are read."""

REPEAT = "repeat"  # which repeat it is, and at which temperature
RECALIBRATED = "recalibrated"  # how its confidences are fitted again
THROUGH = "through"  # which systems stand behind its tools, where they do
GUARDS = "guards"  # what checks it before and after, each with what it goes by
