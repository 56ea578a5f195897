"""What trains, when and how fast, on which devices, and how it goes on."""
