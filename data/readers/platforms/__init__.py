"""Exports of shop platforms: one module each, known by the names of their columns."""

from data.readers.platforms.json_ld import JSON_LD
from data.readers.platforms.magento import MAGENTO
from data.readers.platforms.merchant import GOOGLE_MERCHANT, META
from data.readers.platforms.naver import NAVER
from data.readers.platforms.platform import Platform, unpublished_note
from data.readers.platforms.shopify import SHOPIFY
from data.readers.platforms.woocommerce import WOOCOMMERCE

__all__ = ["PLATFORMS", "Platform", "unpublished_note"]
PLATFORMS = (JSON_LD, SHOPIFY, WOOCOMMERCE, MAGENTO, NAVER, META, GOOGLE_MERCHANT)
