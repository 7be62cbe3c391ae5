"""Brian2 reference replication of Diehl & Cook (2015), doi:10.3389/fncom.2015.00099."""

__version__ = "0.1.0"
