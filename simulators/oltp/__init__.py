"""The order system of a company that sells tote bags: a real PostgreSQL with a past and with traffic.

``headgate simulate oltp`` begins at `simulation.simulate`. What a world is made of is in ``world`` (records),
``synthetic`` and ``dump`` (where a past comes from), ``past`` (what of it is loaded and what is replayed);
``server`` and ``database`` talk to PostgreSQL; ``traffic`` and ``happenings`` make it move.
"""
