"""What a flood is made of: clients that hammer, and a service whose gate is shut."""
