"""What places runs on a device and brings their ticks and events back."""
