"""How well features serve a task: linear heads and their temperature."""
