"""A base controller for rpl_ros."""
