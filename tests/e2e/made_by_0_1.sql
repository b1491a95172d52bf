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
    `content_hash` String,
    `rows_version` UInt64,
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
INSERT INTO QvdFileHistory (`file_path`, `file_name`, `table_name`, `file_size`, `file_mtime`, `file_etag`, `processed_at`, `processing_duration_seconds`, `row_count`, `status`, `error_message`, `version`, `batch_size`, `source_type`, `run_id`, `error_class`, `failure_count`, `retry_at`, `qvd_created_at`, `schema`, `warnings`, `settings_hash`, `fingerprint`, `stored_as`, `content_hash`, `rows_version`, `attempt_id`, `attempt`, `reason`, `started_at`, `finished_at`, `bytes_sent`, `steps`) VALUES ('@FOLDER@/qvds/Sales_bak.qvd', 'Sales_bak.qvd', 'Sales', 1780, '2026-01-01 00:32:00.000000', '', '2026-11-29 13:29:17.447515', 0.232953, 2, 'completed', '', 1795958957214551, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/Sales_bak.qvd-1', 1, 'new', '2026-11-29 13:29:17.214562', '2026-11-29 13:29:17.447515', 243, {'list':0.001223114,'plan':0.015682,'check':0.00004,'create':0.064607,'insert':0.009595,'verify':0.044219,'swap':0.078749}), ('@FOLDER@/qvds/north/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 01:22:00.000000', '', '2026-11-29 13:29:17.463552', 0.19361, 2, 'completed', '', 1795958957269927, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/north/Stock.qvd-1', 1, 'new', '2026-11-29 13:29:17.269942', '2026-11-29 13:29:17.463552', 256, {'list':0.001223114,'plan':0.020115,'check':0.000053,'create':0.059148,'insert':0.013581,'verify':0.054756,'swap':0.024854}), ('@FOLDER@/qvds/south/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 01:52:00.000000', '', '2026-11-29 13:29:17.559369', 0.111633, 2, 'completed', '', 1795958957447727, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/south/Stock.qvd-1', 1, 'new', '2026-11-29 13:29:17.447736', '2026-11-29 13:29:17.559369', 256, {'list':0.001223114,'plan':0.021427,'check':0.000047,'create':0.022283,'insert':0.00909,'verify':0.012768,'swap':0.020595}), ('@FOLDER@/qvds/broken.qvd', 'broken.qvd', 'QvdBroken', 1772, '2026-01-01 00:00:00.000000', '', '2026-11-29 13:29:15.243321', 0.000571, 0, 'failed', 'byte 1772: the file is cut or still being written: expected 1773 bytes (header 1751, symbol tables 20, rows 2), found 1772: copy or store it again', 1795958955242737, 0, 'file', '20261129T132914_5bb0c180', 'input', 1, '1970-01-01 00:00:00.000000', '', '', [], '885b5b9f15db1d3b', '5f2d554fb77967628487622e33372f94', '', '', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/broken.qvd-1', 1, 'new', '2026-11-29 13:29:15.242750', '2026-11-29 13:29:15.243321', 0, {'list':0.001223114,'plan':0.000341}), ('@FOLDER@/qvds/dates.qvd', 'dates.qvd', 'QvdDates', 1780, '2026-01-01 00:42:00.000000', '', '2026-11-29 13:29:15.618292', 0.355799, 2, 'completed', '', 1795958955262480, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"]]', [], '885b5b9f15db1d3b', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/dates.qvd-1', 1, 'new', '2026-11-29 13:29:15.262493', '2026-11-29 13:29:15.618292', 44, {'list':0.001223114,'plan':0.01915,'check':0.000055,'create':0.081254,'insert':0.168649,'verify':0.051996,'swap':0.028526}), ('@FOLDER@/qvds/dates_and_end.qvd', 'dates_and_end.qvd', 'QvdDatesAndEnd', 1780, '2026-01-01 00:52:00.000000', '', '2026-11-29 13:29:15.612361', 0.206655, 2, 'completed', '', 1795958955405688, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', 'bb1b130b9206f61367d7ac482d6986ff', '', 'bb1b130b9206f61367d7ac482d6986ff', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/dates_and_end.qvd-1', 1, 'new', '2026-11-29 13:29:15.405706', '2026-11-29 13:29:15.612361', 51, {'list':0.001223114,'plan':0.019283,'check':0.000069,'create':0.060147,'insert':0.032638,'verify':0.054834,'swap':0.029738}), ('@FOLDER@/qvds/log_20250101.qvd', 'log_20250101.qvd', 'Log', 1773, '2026-01-01 01:02:00.000000', '', '2026-11-29 13:29:15.341707', 0.536295, 2, 'completed', '', 1795958954805391, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 3337246393702302452, '20261129T132914_5bb0c180-@FOLDER@/qvds/log_20250101.qvd-1', 1, 'new', '2026-11-29 13:29:14.805412', '2026-11-29 13:29:15.341707', 289, {'list':0.001223114,'plan':0.036172,'check':0.000126,'create':0.081647,'insert':0.110033,'verify':0.120464,'swap':0.135359}), ('@FOLDER@/qvds/log_Budget.qvd', 'log_Budget.qvd', 'Log', 1773, '2026-01-01 01:12:00.000000', '', '2026-11-29 13:29:15.228426', 0.421588, 2, 'completed', '', 1795958954806790, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 3337246393702302452, '20261129T132914_5bb0c180-@FOLDER@/qvds/log_Budget.qvd-1', 1, 'new', '2026-11-29 13:29:14.806838', '2026-11-29 13:29:15.228426', 285, {'list':0.001223114,'plan':0.057366,'check':0.00009,'create':0.063683,'insert':0.117519,'verify':0.032398,'swap':0.123928}), ('@FOLDER@/qvds/nulls_as_text.qvd', 'nulls_as_text.qvd', 'QvdNullsAsText', 1778, '2026-01-01 01:32:00.000000', '', '2026-11-29 13:29:15.974480', 0.335645, 2, 'completed', '', 1795958955638821, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","LowCardinality(String)"]]', [], '885b5b9f15db1d3b', 'fa646c9fca4e9edc26b0dc9a8cad2bb7', '', 'fa646c9fca4e9edc26b0dc9a8cad2bb7', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/nulls_as_text.qvd-1', 1, 'new', '2026-11-29 13:29:15.638835', '2026-11-29 13:29:15.974480', 97, {'list':0.001223114,'plan':0.027715,'check':0.000064,'create':0.125817,'insert':0.024421,'verify':0.060836,'swap':0.086066}), ('@FOLDER@/qvds/plain.qvd', 'plain.qvd', 'QvdPlain', 1773, '2026-01-01 01:42:00.000000', '', '2026-11-29 13:29:16.284889', 0.630891, 2, 'completed', '', 1795958955653983, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/plain.qvd-1', 1, 'new', '2026-11-29 13:29:15.653998', '2026-11-29 13:29:16.284889', 51, {'list':0.001223114,'plan':0.026679,'check':0.00009,'create':0.187767,'insert':0.078046,'verify':0.288876,'swap':0.041114}), ('@FOLDER@/qvds/times_of_stamps.qvd', 'times_of_stamps.qvd', 'QvdTimesOfStamps', 1786, '2026-01-01 02:02:00.000000', '', '2026-11-29 13:29:16.393398', 0.192712, 2, 'completed', '', 1795958956200671, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '9f892b3e79b2d937bccbdd93176d336f', '', '9f892b3e79b2d937bccbdd93176d336f', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/times_of_stamps.qvd-1', 1, 'new', '2026-11-29 13:29:16.200686', '2026-11-29 13:29:16.393398', 53, {'list':0.001223114,'plan':0.067069,'check':0.00007,'create':0.047167,'insert':0.02741,'verify':0.036297,'swap':0.010795}), ('@FOLDER@/qvds/times_to_24.qvd', 'times_to_24.qvd', 'QvdTimesTo24', 1782, '2026-01-01 02:12:00.000000', '', '2026-11-29 13:29:16.490287', 0.175944, 2, 'completed', '', 1795958956314329, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '6bb8103db700133e905c9a3aecb43992', '', '6bb8103db700133e905c9a3aecb43992', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/times_to_24.qvd-1', 1, 'new', '2026-11-29 13:29:16.314343', '2026-11-29 13:29:16.490287', 53, {'list':0.001223114,'plan':0.014398,'check':0.000065,'create':0.092749,'insert':0.03959,'verify':0.015867,'swap':0.009571}), ('@FOLDER@/qvds/Sales_2025.qvd', 'Sales_2025.qvd', 'Sales', 1780, '2026-01-01 00:12:00.000000', '', '2026-11-29 13:29:17.214284', 0.666296, 2, 'completed', '', 1795958956547934, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/Sales_2025.qvd-1', 1, 'new', '2026-11-29 13:29:16.547988', '2026-11-29 13:29:17.214284', 245, {'list':0.001223114,'plan':0.040809,'check':0.000044,'create':0.129512,'insert':0.170672,'verify':0.068425,'swap':0.225608}), ('@FOLDER@/qvds/Sales_2026.qvd', 'Sales_2026.qvd', 'Sales', 1780, '2026-01-01 00:22:00.000000', '', '2026-11-29 13:29:17.231811', 0.682749, 2, 'completed', '', 1795958956549047, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0, '20261129T132914_5bb0c180-@FOLDER@/qvds/Sales_2026.qvd-1', 1, 'new', '2026-11-29 13:29:16.549062', '2026-11-29 13:29:17.231811', 245, {'list':0.001223114,'plan':0.039218,'check':0.000108,'create':0.130005,'insert':0.038235,'verify':0.426368,'swap':0.02502});

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
    `stored_as` String,
    `content_hash` String,
    `rows_version` UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY file_path
SETTINGS index_granularity = 8192
COMMENT 'State of every QVD file, one row per file under FINAL'

-- end
INSERT INTO QvdFileTracking (`file_path`, `file_name`, `table_name`, `file_size`, `file_mtime`, `file_etag`, `processed_at`, `processing_duration_seconds`, `row_count`, `status`, `error_message`, `version`, `batch_size`, `source_type`, `run_id`, `error_class`, `failure_count`, `retry_at`, `qvd_created_at`, `schema`, `warnings`, `settings_hash`, `fingerprint`, `stored_as`, `content_hash`, `rows_version`) VALUES ('@FOLDER@/qvds/Sales_bak.qvd', 'Sales_bak.qvd', 'Sales', 1780, '2026-01-01 00:32:00.000000', '', '2026-11-29 13:29:17.447515', 0.232953, 2, 'completed', '', 1795958957214551, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0), ('@FOLDER@/qvds/north/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 01:22:00.000000', '', '2026-11-29 13:29:17.463552', 0.19361, 2, 'completed', '', 1795958957269927, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 0), ('@FOLDER@/qvds/south/Stock.qvd', 'Stock.qvd', 'Stock', 1773, '2026-01-01 01:52:00.000000', '', '2026-11-29 13:29:17.559369', 0.111633, 2, 'completed', '', 1795958957447727, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["region","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '3c719138d3bd7238/replace_by_file', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 0), ('@FOLDER@/qvds/Sales_2025.qvd', 'Sales_2025.qvd', 'Sales', 1780, '2026-01-01 00:12:00.000000', '', '2026-11-29 13:29:17.214284', 0.666296, 2, 'completed', '', 1795958956547934, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0), ('@FOLDER@/qvds/Sales_2026.qvd', 'Sales_2026.qvd', 'Sales', 1780, '2026-01-01 00:22:00.000000', '', '2026-11-29 13:29:17.231811', 0.682749, 2, 'completed', '', 1795958956549047, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"],["year","LowCardinality(String)"],["_file","LowCardinality(String)"]]', [], '5eb4e76939660824/replace_by_file', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0), ('@FOLDER@/qvds/broken.qvd', 'broken.qvd', 'QvdBroken', 1772, '2026-01-01 00:00:00.000000', '', '2026-11-29 13:29:15.243321', 0.000571, 0, 'failed', 'byte 1772: the file is cut or still being written: expected 1773 bytes (header 1751, symbol tables 20, rows 2), found 1772: copy or store it again', 1795958955242737, 0, 'file', '20261129T132914_5bb0c180', 'input', 1, '1970-01-01 00:00:00.000000', '', '', [], '885b5b9f15db1d3b', '5f2d554fb77967628487622e33372f94', '', '', 0), ('@FOLDER@/qvds/dates.qvd', 'dates.qvd', 'QvdDates', 1780, '2026-01-01 00:42:00.000000', '', '2026-11-29 13:29:15.618292', 0.355799, 2, 'completed', '', 1795958955262480, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Date32"]]', [], '885b5b9f15db1d3b', '5ea84ab47901b3f4e4a249cba41a79da', '', '5ea84ab47901b3f4e4a249cba41a79da', 0), ('@FOLDER@/qvds/dates_and_end.qvd', 'dates_and_end.qvd', 'QvdDatesAndEnd', 1780, '2026-01-01 00:52:00.000000', '', '2026-11-29 13:29:15.612361', 0.206655, 2, 'completed', '', 1795958955405688, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', 'bb1b130b9206f61367d7ac482d6986ff', '', 'bb1b130b9206f61367d7ac482d6986ff', 0), ('@FOLDER@/qvds/log_20250101.qvd', 'log_20250101.qvd', 'Log', 1773, '2026-01-01 01:02:00.000000', '', '2026-11-29 13:29:15.341707', 0.536295, 2, 'completed', '', 1795958954805391, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 3337246393702302452), ('@FOLDER@/qvds/log_Budget.qvd', 'log_Budget.qvd', 'Log', 1773, '2026-01-01 01:12:00.000000', '', '2026-11-29 13:29:15.228426', 0.421588, 2, 'completed', '', 1795958954806790, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"],["day","LowCardinality(String)"],["_file","LowCardinality(String)"],["_version","UInt64"]]', [], 'c61e4b73d672b615/append', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 3337246393702302452), ('@FOLDER@/qvds/nulls_as_text.qvd', 'nulls_as_text.qvd', 'QvdNullsAsText', 1778, '2026-01-01 01:32:00.000000', '', '2026-11-29 13:29:15.974480', 0.335645, 2, 'completed', '', 1795958955638821, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","LowCardinality(String)"]]', [], '885b5b9f15db1d3b', 'fa646c9fca4e9edc26b0dc9a8cad2bb7', '', 'fa646c9fca4e9edc26b0dc9a8cad2bb7', 0), ('@FOLDER@/qvds/plain.qvd', 'plain.qvd', 'QvdPlain', 1773, '2026-01-01 01:42:00.000000', '', '2026-11-29 13:29:16.284889', 0.630891, 2, 'completed', '', 1795958955653983, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Int64"]]', [], '885b5b9f15db1d3b', '2e5047e9e09442f41ce227e55c2d1cf5', '', '2e5047e9e09442f41ce227e55c2d1cf5', 0), ('@FOLDER@/qvds/times_of_stamps.qvd', 'times_of_stamps.qvd', 'QvdTimesOfStamps', 1786, '2026-01-01 02:02:00.000000', '', '2026-11-29 13:29:16.393398', 0.192712, 2, 'completed', '', 1795958956200671, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '9f892b3e79b2d937bccbdd93176d336f', '', '9f892b3e79b2d937bccbdd93176d336f', 0), ('@FOLDER@/qvds/times_to_24.qvd', 'times_to_24.qvd', 'QvdTimesTo24', 1782, '2026-01-01 02:12:00.000000', '', '2026-11-29 13:29:16.490287', 0.175944, 2, 'completed', '', 1795958956314329, 0, 'file', '20261129T132914_5bb0c180', '', 0, '1970-01-01 00:00:00.000000', '', '[["id","Int64"],["v","Float64"]]', [], '885b5b9f15db1d3b', '6bb8103db700133e905c9a3aecb43992', '', '6bb8103db700133e905c9a3aecb43992', 0);

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
INSERT INTO QvdRunHistory (`run_id`, `workflow`, `trigger`, `status`, `scheduled_at`, `started_at`, `finished_at`, `attempt`, `files_loaded`, `files_skipped`, `files_waiting`, `files_failed`, `rows`, `bytes`, `error`, `error_class`, `host`, `version`) VALUES ('20261129T132914_5bb0c180', 'default', 'command', 'partial', '1970-01-01 00:00:00.000000', '2026-11-29 13:29:14.118448', '2026-11-29 13:29:17.634539', 1, 13, 0, 0, 1, 26, 23111, '1 file failed: broken.qvd: byte 1772: the file is cut or still being written: expected 1773 bytes (header 1751, symbol tables 20, rows 2), found 1772: copy or store it again', 'input', 'recorder', 1795958957634716), ('20261129T132914_5bb0c180', 'default', 'command', 'running', '1970-01-01 00:00:00.000000', '2026-11-29 13:29:14.118448', '1970-01-01 00:00:00.000000', 1, 0, 0, 0, 0, 0, 0, '', '', 'recorder', 1795958954305214);

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
    `v` Date32 CODEC(ZSTD(1)),
    `year` LowCardinality(String) CODEC(ZSTD(1)),
    `_file` LowCardinality(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY _file
ORDER BY (id, v)
SETTINGS index_granularity = 8192
COMMENT 'qvdhouse: Sales_{year}.qvd, such as Sales_2025.qvd by qvdhouse'

-- end
INSERT INTO Sales (`id`, `v`, `year`, `_file`) VALUES (0, '2025-12-19', 'bak', '@FOLDER@/qvds/Sales_bak.qvd'), (1, '2025-12-20', 'bak', '@FOLDER@/qvds/Sales_bak.qvd'), (0, '2025-12-19', '2026', '@FOLDER@/qvds/Sales_2026.qvd'), (1, '2025-12-20', '2026', '@FOLDER@/qvds/Sales_2026.qvd'), (0, '2025-12-19', '2025', '@FOLDER@/qvds/Sales_2025.qvd'), (1, '2025-12-20', '2025', '@FOLDER@/qvds/Sales_2025.qvd');

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
