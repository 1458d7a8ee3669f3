"""What a client does, by subject: functions from a core to a flow, each declared once for both faces. No I/O.

Their names, arguments and docstrings are those of the methods on the faces.
"""
