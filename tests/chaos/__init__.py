"""Real workers, shoppers, brokers and databases, killed at random; the ground truth compared."""
