"""A robot for rpl_ros, its task and its base controller."""
