"""From photo files to arrays: opened, checked, decoded, resized, batched."""
