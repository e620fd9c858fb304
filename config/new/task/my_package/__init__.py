"""A task for rpl_ros, and its base controller."""
