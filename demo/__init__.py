"""The sessions of a demonstration: a generator of sessions and of a CRM, and a loader of real exports.

The generator first draws visits: who comes when, and with which intent. A visit with its hits is a session.
"""
