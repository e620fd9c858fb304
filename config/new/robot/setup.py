"""Package definition, for pip and colcon."""

from setuptools import setup

setup(
    name='my_package',
    version='0.0.1',
    packages=['my_package'],
    package_data={'my_package': ['*.yaml']},
    data_files=[('share/ament_index/resource_index/packages', ['resource/my_package']),
                ('share/my_package', ['package.xml'])],
    entry_points={'console_scripts': ['fake_robot = my_package.fake_robot:main']},
)
