"""Package definition, for pip and colcon."""

from setuptools import setup

setup(
    name='my_package',
    version='0.0.1',
    packages=['my_package'],
    package_data={'my_package': ['*.yaml']},
    data_files=[('share/ament_index/resource_index/packages', ['resource/my_package']),
                ('share/my_package', ['package.xml'])],
    # The name of the task in every command of rpl, once this package is installed.
    entry_points={'rpl_ros.tasks': ['my_package = my_package.task:make']},
)
