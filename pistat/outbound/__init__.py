"""What pi-stat sends to others: nothing, unless a setting names a target."""
