// Codes of ClickHouse's errors (base::ServerError::code) that we react to, under the names that
// ClickHouse's ErrorCodes.cpp gives them.
#pragma once

namespace qvdhouse::clickhouse::error_code {

inline constexpr int kBadArguments = 36;
inline constexpr int kUnknownFunction = 46;
inline constexpr int kUnknownIdentifier = 47;
inline constexpr int kTableAlreadyExists = 57;
inline constexpr int kUnknownTable = 60;
inline constexpr int kSyntaxError = 62;
inline constexpr int kUnknownDatabase = 81;
inline constexpr int kTimeoutExceeded = 159;
inline constexpr int kReadonly = 164;
inline constexpr int kUnknownUser = 192;
inline constexpr int kWrongPassword = 193;
inline constexpr int kRequiredPassword = 194;
inline constexpr int kTooManySimultaneousQueries = 202;
inline constexpr int kNoFreeConnection = 203;
inline constexpr int kSocketTimeout = 209;
inline constexpr int kNetworkError = 210;
inline constexpr int kNoZookeeper = 225;
inline constexpr int kMemoryLimitExceeded = 241;
inline constexpr int kTableIsReadOnly = 242;
inline constexpr int kNotEnoughSpace = 243;
inline constexpr int kTooManyParts = 252;
inline constexpr int kAllConnectionTriesFailed = 279;
inline constexpr int kTooFewLiveReplicas = 285;
inline constexpr int kUnsatisfiedQuorumForPreviousWrite = 286;
inline constexpr int kDatabaseAccessDenied = 291;
inline constexpr int kUnknownStatusOfInsert = 319;
inline constexpr int kUnfinished = 341;
inline constexpr int kCannotScheduleTask = 439;
inline constexpr int kDeadlockAvoided = 473;
inline constexpr int kAccessDenied = 497;
inline constexpr int kAuthenticationFailed = 516;
inline constexpr int kKeeperException = 999;

}  // namespace qvdhouse::clickhouse::error_code
