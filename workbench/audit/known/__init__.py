"""What is known of the world: personal data and how it is masked, units, how people mistype."""
