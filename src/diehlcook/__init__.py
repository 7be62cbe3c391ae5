"""Brian2 reference replication of Diehl & Cook (2015), doi:10.3389/fncom.2015.00099.

The names that ``__init__.pyi`` lists are loaded when they are first used, so that ``import diehlcook`` stays quick.
"""

import lazy_loader

__version__ = "1.0.0rc1"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
