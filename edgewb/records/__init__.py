"""Every result, in one database; read back, exported and imported."""

from edgewb.records.exchanges import ImportResult, export_records, import_records
from edgewb.records.listings import Records, load_records
from edgewb.records.stores import RecordStore, records_path

__all__ = ["ImportResult", "RecordStore", "Records", "export_records", "import_records", "load_records", "records_path"]
