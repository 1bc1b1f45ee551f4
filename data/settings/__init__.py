"""All settings of a run in one frozen object, built once from defaults < file < environment < flags."""

from data.settings.loading import load_settings, write_setting
from data.settings.settings import BACKBONES, RANGES, SECRETS, Settings, backbone_parts

__all__ = ["BACKBONES", "RANGES", "SECRETS", "Settings", "backbone_parts", "load_settings", "write_setting"]
