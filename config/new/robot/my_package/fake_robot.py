"""What stands for the drivers of the robot: two axes with friction, and a target. No rpl_ros."""

from contextlib import suppress

from geometry_msgs.msg import PoseStamped
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray
from std_srvs.srv import Trigger

PERIOD = 0.01  # s
STOP_AFTER = 0.2  # s without a command
FRICTION = 0.02  # m/s that get lost; where x is positive, three times as much


class FakeRobot(Node):
    """Moves two axes as commanded, less the friction."""

    def __init__(self):
        """Begin at rest."""
        super().__init__('fake_robot')
        self.random, self.silent = np.random.default_rng(0), 0.0
        self.position, self.velocity, self.wanted, self.target = np.zeros((4, 2))
        self.joints = self.create_publisher(JointState, 'joint_states', 10)
        self.poses = self.create_publisher(PoseStamped, 'target_pose', 10)
        self.stops = self.create_publisher(Bool, 'run_stopped', 10)
        self.create_subscription(Float64MultiArray, 'forward_velocity_controller/commands',
                                 self.on_command, 10)
        self.create_service(Trigger, 'reset_scene', self.on_reset)
        self.create_timer(PERIOD, self.move)
        self.create_timer(0.1, self.look)

    def on_command(self, message):
        """Take the wanted velocities, m/s."""
        self.wanted, self.silent = np.array(message.data), 0.0

    def on_reset(self, request, response):
        """Begin a new scene."""
        self.position, self.target = self.random.uniform(-0.4, 0.4, (2, 2))
        self.look()
        response.success = True
        return response

    def move(self):
        """Move for one period, and publish where the axes are."""
        self.silent += PERIOD
        if self.silent > STOP_AFTER:
            self.wanted = np.zeros(2)
        most = FRICTION * (3.0 if self.position[0] > 0.0 else 1.0)
        lost = np.clip(self.wanted, -most, most)
        self.velocity = self.wanted - lost
        self.position = self.position + PERIOD * self.velocity
        message = JointState(name=['x_axis', 'y_axis'], position=self.position.tolist(),
                             velocity=self.velocity.tolist())
        message.header.stamp = self.get_clock().now().to_msg()
        self.joints.publish(message)

    def look(self):
        """Publish the target and the state of the run-stop."""
        message = PoseStamped()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = 'base_link'
        message.pose.position.x, message.pose.position.y = self.target.tolist()
        message.pose.orientation.w = 1.0
        self.poses.publish(message)
        self.stops.publish(Bool(data=False))


def main():
    """Run the node until Ctrl-C."""
    rclpy.init()
    with suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(FakeRobot())


if __name__ == '__main__':
    main()
