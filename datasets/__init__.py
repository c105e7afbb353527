"""Spike data sets: readers that check what they read, the embedded set, batches in numpy."""

if __name__ == "datasets":
    raise ImportError("this folder is a part of snn: write `import snn.datasets`")

from snn.datasets.collate import collate
from snn.datasets.encode.cochlea import cochlea
from snn.datasets.encode.currents import integrate_and_fire
from snn.datasets.encode.delta import delta
from snn.datasets.encode.levels import latency, rate, regular_rate
from snn.datasets.encode.mel import MelFrontEnd
from snn.datasets.encode.population import population, receptive_fields
from snn.datasets.encode.reshape import centre_crop, chunk
from snn.datasets.encode.saccades import SaccadeCamera, saccades
from snn.datasets.errors import DataError
from snn.datasets.event_camera_set import EventCameraSet, FrameBinning, camera_frames
from snn.datasets.folds import folds, hold_out
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.formats.native import read_events
from snn.datasets.formats.shd_writer import write_shd
from snn.datasets.image_augment import AugmentedImages, ImageAugment
from snn.datasets.image_set import ImageSet
from snn.datasets.registry import fetch, find, list_sets, verify
from snn.datasets.sets.cifar10_dvs import cifar10_dvs
from snn.datasets.sets.dvs_gesture import dvs_gesture
from snn.datasets.sets.event_folder import event_folder
from snn.datasets.sets.gsc import gsc
from snn.datasets.sets.images import images
from snn.datasets.sets.nmnist import nmnist
from snn.datasets.sets.saccade_images import saccade_images
from snn.datasets.sets.shd import shd
from snn.datasets.sets.shd_binning import to_steps
from snn.datasets.sets.ssc import ssc
from snn.datasets.sets.text import text
from snn.datasets.sets.tonic_sets import from_tonic
from snn.datasets.sound_set import SoundSet
from snn.datasets.spike_augment import AugmentedSpikes, SpikeAugment
from snn.datasets.spike_set import Batch, SpikeSet
from snn.datasets.text_set import TextBatch, TextSet

__all__ = [
    "AugmentedImages",
    "AugmentedSpikes",
    "Batch",
    "CameraEvents",
    "DataError",
    "EventCameraSet",
    "FrameBinning",
    "ImageAugment",
    "ImageSet",
    "MelFrontEnd",
    "SaccadeCamera",
    "SoundSet",
    "SpikeAugment",
    "SpikeSet",
    "TextBatch",
    "TextSet",
    "camera_frames",
    "centre_crop",
    "chunk",
    "cifar10_dvs",
    "cochlea",
    "collate",
    "delta",
    "dvs_gesture",
    "event_folder",
    "fetch",
    "find",
    "folds",
    "from_tonic",
    "gsc",
    "hold_out",
    "images",
    "integrate_and_fire",
    "latency",
    "list_sets",
    "nmnist",
    "population",
    "rate",
    "read_events",
    "receptive_fields",
    "regular_rate",
    "saccade_images",
    "saccades",
    "shd",
    "ssc",
    "text",
    "to_steps",
    "verify",
    "write_shd",
]
