"""What browsers see while a run trains: frames, the hub that spreads them, one socket a viewer."""
