from .analysis.overview import list_runs as list_runs
from .classifier import DiehlCook as DiehlCook
from .data.datasets import Dataset as Dataset
from .data.datasets import load as load
from .errors import DiehlCookError as DiehlCookError
from .model.network import build_network as build_network
from .model.network import presentation_time as presentation_time
from .model.network import weight_matrix as weight_matrix
from .model.params import load_preset as load_preset
from .model.params import preset_names as preset_names
from .phases.compare import compare as compare
from .phases.observe import observe as observe
from .phases.plot import plot as plot
from .phases.predict import predict as predict
from .phases.report import report as report
from .phases.test import test as test
from .phases.train import train as train
from .runs.exchange import export_run as export_run
from .runs.exchange import import_run as import_run
from .runs.run import load_run as load_run
from .runs.shipped import load_shipped as load_shipped

__version__: str
