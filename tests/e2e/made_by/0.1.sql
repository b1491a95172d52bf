CREATE DATABASE local
ENGINE = Atomic

-- end
CREATE TABLE local.Log
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Int64 CODEC(ZSTD(1)),
    `day` LowCardinality(String) CODEC(ZSTD(1)),
    `_file` LowCardinality(String) CODEC(ZSTD(1)),
    `_version` UInt64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY (_file, _version)
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: log_{day}.qvd, such as log_20250101.qvd by qvdhouse'

-- end
INSERT INTO Log (`id`, `v`, `day`, `_file`, `_version`) VALUES (0, 7, 'Budget', '@FOLDER@/qvds/log_Budget.qvd', 3337246393702302452), (1, 9, 'Budget', '@FOLDER@/qvds/log_Budget.qvd', 3337246393702302452), (0, 7, '20250101', '@FOLDER@/qvds/log_20250101.qvd', 3337246393702302452), (1, 9, '20250101', '@FOLDER@/qvds/log_20250101.qvd', 3337246393702302452);

-- end
CREATE TABLE local.QvdDates
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Date32 CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: dates.qvd by qvdhouse'

-- end
INSERT INTO QvdDates (`id`, `v`) VALUES (0, '2025-12-19'), (1, '2025-12-20');

-- end
CREATE TABLE local.QvdDatesAndEnd
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Int64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: dates_and_end.qvd by qvdhouse'

-- end
INSERT INTO QvdDatesAndEnd (`id`, `v`) VALUES (0, 46010), (1, 2958465);

-- end
CREATE TABLE local.QvdDatesAndText
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: dates_and_text.qvd by qvdhouse'

-- end
INSERT INTO QvdDatesAndText (`id`, `v`) VALUES (0, '46010'), (1, '2009-02-29');

-- end
CREATE TABLE local.QvdFileHistory
(
    `file_path` String,
    `file_name` String,
    `table_name` String,
    `file_size` UInt64,
    `file_mtime` DateTime64(6, 'UTC'),
    `file_etag` String,
    `processed_at` DateTime64(6, 'UTC'),
    `processing_duration_seconds` Float64,
    `row_count` UInt64,
    `status` LowCardinality(String),
    `error_message` String,
    `version` UInt64,
    `batch_size` UInt64,
    `source_type` LowCardinality(String),
    `run_id` String,
    `error_class` LowCardinality(String),
    `failure_count` UInt32,
    `retry_at` DateTime64(6, 'UTC'),
    `qvd_created_at` String,
    `schema` String,
    `warnings` Array(String),
    `settings_hash` String,
    `fingerprint` String,
    `stored_as` String,
    `attempt_id` String,
    `attempt` UInt32,
    `reason` LowCardinality(String),
    `started_at` DateTime64(6, 'UTC'),
    `finished_at` DateTime64(6, 'UTC'),
    `bytes_sent` UInt64,
    `steps` Map(String, Float64)
)
ENGINE = MergeTree
ORDER BY (file_path, started_at)
TTL toDateTime(started_at) + toIntervalDay(90)
SETTINGS index_granularity = 8192
COMMENT 'Every attempt to load a QVD file, with its steps'

-- end
INSERT INTO QvdFileHistory (`file_path`, `file_name`, `table_name`, `file_size`, `file_mtime`, `file_etag`, `processed_at`, `processing_duration_seconds`, `row_count`, `status`, `error_message`, `version`, `batch_size`, `source_type`, `run_id`, `error_class`, `failure_count`, `retry_at`, `qvd_created_at`, `schema`, `warnings`, `settings_hash`, `fingerprint`, `stored_as`, `attempt_id`, `attempt`, `reason`, `started_at`, `finished_at`, `bytes_sent`, `steps`) VALUES ('@FOLDER@/qvds/Sales_bak.qvd', 'Sales_bak.qvd', 'Sales', 1780, '2026-01-01 00:32:00.000000', '', '2026-11-29 20:54:42.432430', 0.269807, 2, 'completed', '', 1795985682162621, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","String"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '20261129T205440_36495b6b-@FOLDER@/qvds/Sales_bak.qvd-1', 1, 'new', '2026-11-29 20:54:42.162623', '2026-11-29 20:54:42.432430', 258, {'list':0.000317351,'plan':0.05418,'check':0.000012,'create':0.044104,'insert':0.029325,'verify':0.028396,'swap':0.075146}), ('@FOLDER@/qvds/Sales_2025.qvd', 'Sales_2025.qvd', 'Sales', 1780, '2026-01-01 00:12:00.000000', '', '2026-11-29 20:54:42.256782', 0.360151, 2, 'completed', '', 1795985681896627, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","String"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '20261129T205440_36495b6b-@FOLDER@/qvds/Sales_2025.qvd-1', 1, 'new', '2026-11-29 20:54:41.896631', '2026-11-29 20:54:42.256782', 260, {'list':0.000317351,'plan':0.039066,'check':0.000022,'create':0.124382,'insert':0.040723,'verify':0.098842,'swap':0.040977}), ('@FOLDER@/qvds/Sales_2026.qvd', 'Sales_2026.qvd', 'Sales', 1780, '2026-01-01 00:22:00.000000', '', '2026-11-29 20:54:42.162579', 0.265688, 2, 'completed', '', 1795985681896890, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","String"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', 'bb1b130b9206f61367d7ac482d6986ff', '', '20261129T205440_36495b6b-@FOLDER@/qvds/Sales_2026.qvd-1', 1, 'new', '2026-11-29 20:54:41.896891', '2026-11-29 20:54:42.162579', 252, {'list':0.000317351,'plan':0.038986,'check':0.000011,'create':0.093725,'insert':0.071396,'verify':0.03687,'swap':0.019077}), ('@FOLDER@/qvds/broken.qvd', 'broken.qvd', 'QvdBroken', 1772, '2026-01-01 00:00:00.000000', '', '2026-11-29 20:54:40.981585', 0.000324, 0, 'failed', 'byte 1772: the file is cut or still being written: expected 1773 bytes (header 1751, symbol tables 20, rows 2), found 1772: copy or store it again', 1795985680981257, 0, 'file', '20261129T205440_36495b6b', 'input', 1, '1970-01-01 00:00:00.000000', '', '', [], '885b5b9f15db1d3b', '5f2d554fb77967628487622e33372f94', '', '20261129T205440_36495b6b-@FOLDER@/qvds/broken.qvd-1', 1, 'new', '2026-11-29 20:54:40.981261', '2026-11-29 20:54:40.981585', 0, {'list':0.000317351,'plan':0.000206}), ('@FOLDER@/qvds/dates.qvd', 'dates.qvd', 'QvdDates', 1780, '2026-01-01 00:42:00.000000', '', '2026-11-29 20:54:41.251427', 0.25247, 2, 'completed', '', 1795985680998953, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"]]', [], '885b5b9f15db1d3b', '5ea84ab47901b3f4e4a249cba41a79da', '', '20261129T205440_36495b6b-@FOLDER@/qvds/dates.qvd-1', 1, 'new', '2026-11-29 20:54:40.998957', '2026-11-29 20:54:41.251427', 44, {'list':0.000317351,'plan':0.03277,'check':0.000025,'create':0.145013,'insert':0.040225,'verify':0.012757,'swap':0.019601}), ('@FOLDER@/qvds/dates_and_end.qvd', 'dates_and_end.qvd', 'QvdDatesAndEnd', 1780, '2026-01-01 00:52:00.000000', '', '2026-11-29 20:54:41.288872', 0.130575, 2, 'completed', '', 1795985681158293, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', 'bb1b130b9206f61367d7ac482d6986ff', '', '20261129T205440_36495b6b-@FOLDER@/qvds/dates_and_end.qvd-1', 1, 'new', '2026-11-29 20:54:41.158297', '2026-11-29 20:54:41.288872', 51, {'list':0.000317351,'plan':0.005879,'check':0.000025,'create':0.049272,'insert':0.048907,'verify':0.005768,'swap':0.016981}), ('@FOLDER@/qvds/dates_and_text.qvd', 'dates_and_text.qvd', 'QvdDatesAndText', 1787, '2026-01-01 01:02:00.000000', '', '2026-11-29 20:54:41.372860', 0.104924, 2, 'completed', '', 1795985681267933, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","LowCardinality(String)"]]', [], '885b5b9f15db1d3b', '8997bcbc0a995914f66230e258e998c5', '', '20261129T205440_36495b6b-@FOLDER@/qvds/dates_and_text.qvd-1', 1, 'new', '2026-11-29 20:54:41.267936', '2026-11-29 20:54:41.372860', 104, {'list':0.000317351,'plan':0.00681,'check':0.000019,'create':0.027759,'insert':0.017175,'verify':0.013978,'swap':0.035376}), ('@FOLDER@/qvds/log_20250101.qvd', 'log_20250101.qvd', 'Log', 1773, '2026-01-01 01:12:00.000000', '', '2026-11-29 20:54:41.132076', 0.426481, 2, 'completed', '', 1795985680705591, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', '', '20261129T205440_36495b6b-@FOLDER@/qvds/log_20250101.qvd-1', 1, 'new', '2026-11-29 20:54:40.705595', '2026-11-29 20:54:41.132076', 290, {'list':0.000317351,'plan':0.037014,'check':0.000059,'create':0.130208,'insert':0.051315,'verify':0.018283,'swap':0.151786}), ('@FOLDER@/qvds/log_Budget.qvd', 'log_Budget.qvd', 'Log', 1773, '2026-01-01 01:22:00.000000', '', '2026-11-29 20:54:40.968768', 0.263101, 2, 'completed', '', 1795985680705666, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', '', '20261129T205440_36495b6b-@FOLDER@/qvds/log_Budget.qvd-1', 1, 'new', '2026-11-29 20:54:40.705667', '2026-11-29 20:54:40.968768', 286, {'list':0.000317351,'plan':0.064499,'check':0.00002,'create':0.09134,'insert':0.048956,'verify':0.013327,'swap':0.029063}), ('@FOLDER@/qvds/nulls_as_text.qvd', 'nulls_as_text.qvd', 'QvdNullsAsText', 1778, '2026-01-01 01:42:00.000000', '', '2026-11-29 20:54:41.534428', 0.238504, 2, 'completed', '', 1795985681295921, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","LowCardinality(String)"]]', [], '885b5b9f15db1d3b', 'fa646c9fca4e9edc26b0dc9a8cad2bb7', '', '20261129T205440_36495b6b-@FOLDER@/qvds/nulls_as_text.qvd-1', 1, 'new', '2026-11-29 20:54:41.295924', '2026-11-29 20:54:41.534428', 97, {'list':0.000317351,'plan':0.00686,'check':0.000017,'create':0.109855,'insert':0.017761,'verify':0.05193,'swap':0.03426}), ('@FOLDER@/qvds/plain.qvd', 'plain.qvd', 'QvdPlain', 1773, '2026-01-01 01:52:00.000000', '', '2026-11-29 20:54:41.537586', 0.157564, 2, 'completed', '', 1795985681380020, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', '2e5047e9e09442f41ce227e55c2d1cf5', '', '20261129T205440_36495b6b-@FOLDER@/qvds/plain.qvd-1', 1, 'new', '2026-11-29 20:54:41.380022', '2026-11-29 20:54:41.537586', 51, {'list':0.000317351,'plan':0.012447,'check':0.000018,'create':0.03872,'insert':0.026614,'verify':0.027222,'swap':0.032137}), ('@FOLDER@/qvds/times_of_stamps.qvd', 'times_of_stamps.qvd', 'QvdTimesOfStamps', 1786, '2026-01-01 02:12:00.000000', '', '2026-11-29 20:54:41.812489', 0.251014, 2, 'completed', '', 1795985681561470, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '9f892b3e79b2d937bccbdd93176d336f', '', '20261129T205440_36495b6b-@FOLDER@/qvds/times_of_stamps.qvd-1', 1, 'new', '2026-11-29 20:54:41.561475', '2026-11-29 20:54:41.812489', 53, {'list':0.000317351,'plan':0.011028,'check':0.000026,'create':0.101096,'insert':0.059011,'verify':0.053132,'swap':0.022526}), ('@FOLDER@/qvds/times_to_24.qvd', 'times_to_24.qvd', 'QvdTimesTo24', 1782, '2026-01-01 02:22:00.000000', '', '2026-11-29 20:54:41.891405', 0.326854, 2, 'completed', '', 1795985681564547, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '6bb8103db700133e905c9a3aecb43992', '', '20261129T205440_36495b6b-@FOLDER@/qvds/times_to_24.qvd-1', 1, 'new', '2026-11-29 20:54:41.564551', '2026-11-29 20:54:41.891405', 53, {'list':0.000317351,'plan':0.015816,'check':0.000021,'create':0.137269,'insert':0.096503,'verify':0.020927,'swap':0.053559}), ('@FOLDER@/qvds/north/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 01:32:00.000000', '', '2026-11-29 20:54:42.776177', 0.338782, 2, 'completed', '', 1795985682437393, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', '', '20261129T205440_36495b6b-@FOLDER@/qvds/north/Stock.qvd-1', 1, 'new', '2026-11-29 20:54:42.437395', '2026-11-29 20:54:42.776177', 257, {'list':0.000317351,'plan':0.030429,'check':0.000006,'create':0.064242,'insert':0.059818,'verify':0.134602,'swap':0.044135}), ('@FOLDER@/qvds/south/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 02:02:00.000000', '', '2026-11-29 20:54:42.776637', 0.339047, 2, 'completed', '', 1795985682437589, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', '', '20261129T205440_36495b6b-@FOLDER@/qvds/south/Stock.qvd-1', 1, 'new', '2026-11-29 20:54:42.437590', '2026-11-29 20:54:42.776637', 257, {'list':0.000317351,'plan':0.030132,'check':0.000019,'create':0.069466,'insert':0.046338,'verify':0.138235,'swap':0.046462});

-- end
CREATE TABLE local.QvdFileTracking
(
    `file_path` String,
    `file_name` String,
    `table_name` String,
    `file_size` UInt64,
    `file_mtime` DateTime64(6, 'UTC'),
    `file_etag` String,
    `processed_at` DateTime64(6, 'UTC'),
    `processing_duration_seconds` Float64,
    `row_count` UInt64,
    `status` LowCardinality(String),
    `error_message` String,
    `version` UInt64,
    `batch_size` UInt64,
    `source_type` LowCardinality(String),
    `run_id` String,
    `error_class` LowCardinality(String),
    `failure_count` UInt32,
    `retry_at` DateTime64(6, 'UTC'),
    `qvd_created_at` String,
    `schema` String,
    `warnings` Array(String),
    `settings_hash` String,
    `fingerprint` String,
    `stored_as` String
)
ENGINE = ReplacingMergeTree(version)
ORDER BY file_path
SETTINGS index_granularity = 8192
COMMENT 'State of every QVD file, one row per file under FINAL'

-- end
INSERT INTO QvdFileTracking (`file_path`, `file_name`, `table_name`, `file_size`, `file_mtime`, `file_etag`, `processed_at`, `processing_duration_seconds`, `row_count`, `status`, `error_message`, `version`, `batch_size`, `source_type`, `run_id`, `error_class`, `failure_count`, `retry_at`, `qvd_created_at`, `schema`, `warnings`, `settings_hash`, `fingerprint`, `stored_as`) VALUES ('@FOLDER@/qvds/Sales_bak.qvd', 'Sales_bak.qvd', 'Sales', 1780, '2026-01-01 00:32:00.000000', '', '2026-11-29 20:54:42.432430', 0.269807, 2, 'completed', '', 1795985682162621, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","String"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', ''), ('@FOLDER@/qvds/north/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 01:32:00.000000', '', '2026-11-29 20:54:42.776177', 0.338782, 2, 'completed', '', 1795985682437393, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', ''), ('@FOLDER@/qvds/south/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 02:02:00.000000', '', '2026-11-29 20:54:42.776637', 0.339047, 2, 'completed', '', 1795985682437589, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', ''), ('@FOLDER@/qvds/Sales_2025.qvd', 'Sales_2025.qvd', 'Sales', 1780, '2026-01-01 00:12:00.000000', '', '2026-11-29 20:54:42.256782', 0.360151, 2, 'completed', '', 1795985681896627, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","String"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', ''), ('@FOLDER@/qvds/Sales_2026.qvd', 'Sales_2026.qvd', 'Sales', 1780, '2026-01-01 00:22:00.000000', '', '2026-11-29 20:54:42.162579', 0.265688, 2, 'completed', '', 1795985681896890, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","String"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', 'bb1b130b9206f61367d7ac482d6986ff', ''), ('@FOLDER@/qvds/broken.qvd', 'broken.qvd', 'QvdBroken', 1772, '2026-01-01 00:00:00.000000', '', '2026-11-29 20:54:40.981585', 0.000324, 0, 'failed', 'byte 1772: the file is cut or still being written: expected 1773 bytes (header 1751, symbol tables 20, rows 2), found 1772: copy or store it again', 1795985680981257, 0, 'file', '20261129T205440_36495b6b', 'input', 1, '1970-01-01 00:00:00.000000', '', '', [], '885b5b9f15db1d3b', '5f2d554fb77967628487622e33372f94', ''), ('@FOLDER@/qvds/dates.qvd', 'dates.qvd', 'QvdDates', 1780, '2026-01-01 00:42:00.000000', '', '2026-11-29 20:54:41.251427', 0.25247, 2, 'completed', '', 1795985680998953, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"]]', [], '885b5b9f15db1d3b', '5ea84ab47901b3f4e4a249cba41a79da', ''), ('@FOLDER@/qvds/dates_and_end.qvd', 'dates_and_end.qvd', 'QvdDatesAndEnd', 1780, '2026-01-01 00:52:00.000000', '', '2026-11-29 20:54:41.288872', 0.130575, 2, 'completed', '', 1795985681158293, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', 'bb1b130b9206f61367d7ac482d6986ff', ''), ('@FOLDER@/qvds/dates_and_text.qvd', 'dates_and_text.qvd', 'QvdDatesAndText', 1787, '2026-01-01 01:02:00.000000', '', '2026-11-29 20:54:41.372860', 0.104924, 2, 'completed', '', 1795985681267933, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","LowCardinality(String)"]]', [], '885b5b9f15db1d3b', '8997bcbc0a995914f66230e258e998c5', ''), ('@FOLDER@/qvds/log_20250101.qvd', 'log_20250101.qvd', 'Log', 1773, '2026-01-01 01:12:00.000000', '', '2026-11-29 20:54:41.132076', 0.426481, 2, 'completed', '', 1795985680705591, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', ''), ('@FOLDER@/qvds/log_Budget.qvd', 'log_Budget.qvd', 'Log', 1773, '2026-01-01 01:22:00.000000', '', '2026-11-29 20:54:40.968768', 0.263101, 2, 'completed', '', 1795985680705666, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', ''), ('@FOLDER@/qvds/nulls_as_text.qvd', 'nulls_as_text.qvd', 'QvdNullsAsText', 1778, '2026-01-01 01:42:00.000000', '', '2026-11-29 20:54:41.534428', 0.238504, 2, 'completed', '', 1795985681295921, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","LowCardinality(String)"]]', [], '885b5b9f15db1d3b', 'fa646c9fca4e9edc26b0dc9a8cad2bb7', ''), ('@FOLDER@/qvds/plain.qvd', 'plain.qvd', 'QvdPlain', 1773, '2026-01-01 01:52:00.000000', '', '2026-11-29 20:54:41.537586', 0.157564, 2, 'completed', '', 1795985681380020, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', '2e5047e9e09442f41ce227e55c2d1cf5', ''), ('@FOLDER@/qvds/times_of_stamps.qvd', 'times_of_stamps.qvd', 'QvdTimesOfStamps', 1786, '2026-01-01 02:12:00.000000', '', '2026-11-29 20:54:41.812489', 0.251014, 2, 'completed', '', 1795985681561470, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '9f892b3e79b2d937bccbdd93176d336f', ''), ('@FOLDER@/qvds/times_to_24.qvd', 'times_to_24.qvd', 'QvdTimesTo24', 1782, '2026-01-01 02:22:00.000000', '', '2026-11-29 20:54:41.891405', 0.326854, 2, 'completed', '', 1795985681564547, 0, 'file', '20261129T205440_36495b6b', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '6bb8103db700133e905c9a3aecb43992', '');

-- end
CREATE TABLE local.QvdNullsAsText
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: nulls_as_text.qvd by qvdhouse'

-- end
INSERT INTO QvdNullsAsText (`id`, `v`) VALUES (0, '12.5'), (1, 'NULL');

-- end
CREATE TABLE local.QvdPlain
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Int64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: plain.qvd by qvdhouse'

-- end
INSERT INTO QvdPlain (`id`, `v`) VALUES (0, 7), (1, 9);

-- end
CREATE TABLE local.QvdRunHistory
(
    `run_id` String,
    `workflow` LowCardinality(String),
    `trigger` LowCardinality(String),
    `status` LowCardinality(String),
    `scheduled_at` DateTime64(6, 'UTC'),
    `started_at` DateTime64(6, 'UTC'),
    `finished_at` DateTime64(6, 'UTC'),
    `attempt` UInt32,
    `files_loaded` UInt64,
    `files_skipped` UInt64,
    `files_waiting` UInt64,
    `files_failed` UInt64,
    `rows` UInt64,
    `bytes` UInt64,
    `error` String,
    `error_class` LowCardinality(String),
    `host` String,
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (started_at, run_id)
TTL toDateTime(started_at) + toIntervalDay(90)
SETTINGS index_granularity = 8192
COMMENT 'Every run of a workflow, one row per run under FINAL'

-- end
INSERT INTO QvdRunHistory (`run_id`, `workflow`, `trigger`, `status`, `scheduled_at`, `started_at`, `finished_at`, `attempt`, `files_loaded`, `files_skipped`, `files_waiting`, `files_failed`, `rows`, `bytes`, `error`, `error_class`, `host`, `version`) VALUES ('20261129T205440_36495b6b', 'default', 'command', 'partial', '1970-01-01 00:00:00.000000', '2026-11-29 20:54:40.325387', '2026-11-29 20:54:42.897055', 1, 14, 0, 0, 1, 28, 24898, '1 file failed: broken.qvd: byte 1772: the file is cut or still being written: expected 1773 bytes (header 1751, symbol tables 20, rows 2), found 1772: copy or store it again', 'input', 'recorder', 1795985682897148), ('20261129T205440_36495b6b', 'default', 'command', 'running', '1970-01-01 00:00:00.000000', '2026-11-29 20:54:40.325387', '1970-01-01 00:00:00.000000', 1, 0, 0, 0, 0, 0, 0, '', '', 'recorder', 1795985680456912);

-- end
CREATE TABLE local.QvdTimesOfStamps
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Float64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: times_of_stamps.qvd by qvdhouse'

-- end
INSERT INTO QvdTimesOfStamps (`id`, `v`) VALUES (0, 0.5), (1, 46010.25);

-- end
CREATE TABLE local.QvdTimesTo24
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Float64 CODEC(ZSTD(1))
)
ENGINE = MergeTree
ORDER BY (id)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: times_to_24.qvd by qvdhouse'

-- end
INSERT INTO QvdTimesTo24 (`id`, `v`) VALUES (0, 0.5), (1, 1);

-- end
CREATE TABLE local.QvdWorkflowState
(
    `name` String,
    `is_paused` UInt8,
    `anchor` DateTime64(6, 'UTC'),
    `last_due` DateTime64(6, 'UTC'),
    `schedule` String,
    `changed_by` String,
    `version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY name
SETTINGS index_granularity = 8192
COMMENT 'State of every workflow, one row per workflow under FINAL'

-- end
CREATE TABLE local.Sales
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` String CODEC(ZSTD(1)),
    `year` LowCardinality(String) CODEC(ZSTD(1)),
    `_file` LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY _file
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: Sales_{year}.qvd, such as Sales_2025.qvd by qvdhouse'

-- end
INSERT INTO Sales (`id`, `v`, `year`, `_file`) VALUES (0, '46010', '2026', '@FOLDER@/qvds/Sales_2026.qvd'), (1, '2958465', '2026', '@FOLDER@/qvds/Sales_2026.qvd'), (0, '2025-12-19', 'bak', '@FOLDER@/qvds/Sales_bak.qvd'), (1, '2025-12-20', 'bak', '@FOLDER@/qvds/Sales_bak.qvd'), (0, '2025-12-19', '2025', '@FOLDER@/qvds/Sales_2025.qvd'), (1, '2025-12-20', '2025', '@FOLDER@/qvds/Sales_2025.qvd');

-- end
CREATE TABLE local.Stock
(
    `id` Int64 CODEC(Delta(8), ZSTD(1)),
    `v` Int64 CODEC(ZSTD(1)),
    `region` LowCardinality(String) CODEC(ZSTD(1)),
    `_file` LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY _file
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: {region}/Stock.qvd, such as Stock.qvd by qvdhouse'

-- end
INSERT INTO Stock (`id`, `v`, `region`, `_file`) VALUES (0, 7, 'south', '@FOLDER@/qvds/south/Stock.qvd'), (1, 9, 'south', '@FOLDER@/qvds/south/Stock.qvd'), (0, 7, 'north', '@FOLDER@/qvds/north/Stock.qvd'), (1, 9, 'north', '@FOLDER@/qvds/north/Stock.qvd');

-- end
