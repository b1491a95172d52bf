#include "cli/output.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "cli/command.h"
#include "cli/display.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "sync/sync.h"

namespace qvdhouse::cli {
namespace {

using decide::Reason;
using tracking::ErrorClass;

TEST(Output, ControlCharactersAreEscaped) {
  EXPECT_EQ(printable("Остатки \"на\" складе"), "Остатки \"на\" складе");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(printable("bad\xff\xc3"), "bad\\xff\\xc3");
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "dvq.exe"),
            "\\u{202e}dvq.exe");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{9b}31m");
  EXPECT_EQ(printable(std::string("nul\0!", 5)), "nul\\x00!");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a lone surrogate
  EXPECT_EQ(printable_lines("a\nb\x1b"), "a\nb\\x1b");
}

TEST(Output, WhatComesInPiecesIsEscapedAsTheWhole) {
  const std::string text =
      "Склад\t在庫\n\x1b]0;pwned\x07\x1b[31m \xc2\x9b\xe2\x80\xae\xf0\x9f\x93\xa6\xff\xe2\x82";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    PrintableStream stream;
    std::string shown;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      shown += stream.add(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(shown + stream.finish(), printable_lines(text)) << piece;
  }
}

TEST(Output, WidthIsInColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("Склад"), 5U);
  EXPECT_EQ(display_width("在庫"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(cut_to_width("Остатки", 4), "Ост…");
  EXPECT_EQ(cut_to_width("在庫表", 4), "在…");
  EXPECT_EQ(cut_to_width("short", 5), "short");
}

// A file name may hold a line break, behind which it would say what it likes.
TEST(Output, ALineOfStandardErrorIsOneLine) {
  testing::internal::CaptureStderr();
  {
    Display display;
    display.line("qvds/a\nerror: forged\r\x1b[2K.qvd: failed");
    make_logger(display, "warning")->warn("{}: skipped", "a\nerror: forged.qvd");
    display.lines("one\ntwo\x1b");
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "qvds/a\\nerror: forged\\r\\x1b[2K.qvd: failed\n"
            "warning: a\\nerror: forged.qvd: skipped\n"
            "one\ntwo\\x1b\n");
}

TEST(ExitCode, WantOfMemoryHasASentence) {
  const std::bad_alloc no_memory;
  const std::length_error no_such_size("x");
  for (const std::exception* error :
       std::initializer_list<const std::exception*>{&no_memory, &no_such_size}) {
    EXPECT_EQ(exit_code_of(*error), 4);
    EXPECT_NE(base::message_of(*error).find("not enough memory"), std::string::npos);
  }
  EXPECT_EQ(base::message_of(base::IoError("x")), "x");
}

TEST(Output, TableIsAlignedAndFits) {
  const std::vector<Column> columns = {{.title = "File", .flexible = true},
                                       {.title = "Rows", .right = true}};
  EXPECT_EQ(format_table(columns, {{"Склад", "1,000"}, {"b", "7"}}, 0),
            "File    Rows\n"
            "Склад  1,000\n"
            "b          7\n");
  const std::string narrow = format_table(columns, {{std::string(100, 'x'), "1"}}, 20);
  EXPECT_EQ(narrow, "File            Rows\nxxxxxxxxxxxxx…     1\n");
}

TEST(Output, WrapBreaksAtBlanks) {
  EXPECT_EQ(wrap("one two  three", 7), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(wrap("unbreakable", 4), (std::vector<std::string>{"unbreakable"}));
}

TEST(Output, ParagraphHangs) {
  EXPECT_EQ(paragraph("a: ", "one two three\nfour\x1b", 2, 10), "a: one two\n  three\n  four\\x1b");
  EXPECT_EQ(paragraph("Имя: ", "раз два", 2, 0), "Имя: раз два");
  EXPECT_EQ(paragraph("", "unbreakable", 4, 6), "unbreakable");
}

TEST(Output, SizesAndTimes) {
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1'500), "1.5 kB");
  EXPECT_EQ(format_bytes(999'700), "1.0 MB");
  EXPECT_EQ(format_bytes(123'000'000), "123 MB");
  EXPECT_EQ(format_seconds(0.0123), "12 ms");
  EXPECT_EQ(format_seconds(0.9999), "1.0 s");
  EXPECT_EQ(format_seconds(125), "2:05 min");
  EXPECT_EQ(format_seconds(7'260), "2:01 h");
  EXPECT_EQ(format_time(0), "–");
  EXPECT_EQ(format_time(1'714'557'600'000'000), "2024-05-01 10:00:00");
  EXPECT_EQ(format_time(-1), "1969-12-31 23:59:59");
}

sync::FileOutcome outcome(sync::Outcome kind, ErrorClass error_class = ErrorClass::kNone) {
  sync::FileOutcome file;
  file.outcome = kind;
  file.error_class = error_class;
  return file;
}

TEST(ExitCode, OfErrors) {
  EXPECT_EQ(exit_code_of(UsageError("x")), 1);
  EXPECT_EQ(exit_code_of(base::ConfigError("x")), 2);
  EXPECT_EQ(exit_code_of(base::SchemaError("x")), 3);
  EXPECT_EQ(exit_code_of(base::InputError("x")), 4);
  EXPECT_EQ(exit_code_of(base::ChangedError("x")), 4);
  EXPECT_EQ(exit_code_of(base::ServerError("x", 60)), 5);
  EXPECT_EQ(exit_code_of(TargetError("x")), 5);
  EXPECT_EQ(exit_code_of(base::VerifyError("x")), 6);
  EXPECT_EQ(exit_code_of(base::Cancelled("x")), 130);
}

TEST(ExitCode, OfRuns) {
  using sync::Outcome;
  const auto code = [](std::vector<sync::FileOutcome> files) {
    sync::Summary summary;
    summary.files = std::move(files);
    return exit_code_of_runs({summary});
  };
  EXPECT_EQ(code({}), 0);
  EXPECT_EQ(code({outcome(Outcome::kLoaded), outcome(Outcome::kWaiting)}), 0);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kInput)}), 4);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kVerify), outcome(Outcome::kSkipped)}), 6);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kSchema), outcome(Outcome::kLoaded)}), 7);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kServer),
                  outcome(Outcome::kFailed, ErrorClass::kServer)}),
            5);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kServer),
                  outcome(Outcome::kFailed, ErrorClass::kInput)}),
            7);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kInput), outcome(Outcome::kCancelled)}),
            130);
  sync::FileOutcome unreadable = outcome(Outcome::kSkipped);
  unreadable.decision.reason_code = Reason::kUnreadable;
  EXPECT_EQ(code({unreadable}), 4);
  EXPECT_EQ(code({unreadable, outcome(Outcome::kLoaded)}), 7);
}

TEST(ExitCode, OfRunsIsThatOfFailuresThatStand) {
  using sync::Outcome;
  const auto code = [](std::vector<sync::FileOutcome> files) {
    sync::Summary summary;
    summary.files = std::move(files);
    return exit_code_of_runs({summary});
  };
  const auto skipped = [](Reason reason_code, ErrorClass error_class = ErrorClass::kNone) {
    sync::FileOutcome file = outcome(Outcome::kSkipped);
    file.decision.reason_code = reason_code;
    file.decision.error_class = error_class;
    return file;
  };
  const sync::FileOutcome current = skipped(Reason::kUnchanged);
  EXPECT_EQ(code({current, skipped(Reason::kHidden)}), 0);
  EXPECT_EQ(code({skipped(Reason::kFailedUnchanged, ErrorClass::kInput)}), 4);
  EXPECT_EQ(
      code({skipped(Reason::kFailedUnchanged, ErrorClass::kSchema), skipped(Reason::kExcluded)}),
      3);
  EXPECT_EQ(code({skipped(Reason::kBackoff, ErrorClass::kServer),
                  skipped(Reason::kBackoff, ErrorClass::kServer)}),
            5);
  EXPECT_EQ(code({skipped(Reason::kBackoff, ErrorClass::kServer),
                  skipped(Reason::kFailedUnchanged, ErrorClass::kVerify)}),
            7);
  EXPECT_EQ(code({skipped(Reason::kFailedUnchanged, ErrorClass::kInput), current}), 7);
  EXPECT_EQ(code({skipped(Reason::kBackoff, ErrorClass::kServer), outcome(Outcome::kAdopted)}), 7);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kInput), current}), 7);
  EXPECT_EQ(code({outcome(Outcome::kFailed, ErrorClass::kInput),
                  skipped(Reason::kFailedUnchanged, ErrorClass::kInput)}),
            4);
}

TEST(Progress, LinesSayWhatIsDoneAndWhatIsLeft) {
  sync::Monitor::Snapshot snapshot;
  snapshot.files_total = 10;
  snapshot.files_done = 4;
  snapshot.files_failed = 1;
  snapshot.bytes_total = 300'000'000;
  snapshot.bytes_done = 100'000'000;
  snapshot.rows_done = 1'234'567;
  snapshot.active = {{"Склад.qvd", "insert", 500, 1000}, {"b.qvd", "verify", 0, 0}};
  const auto lines = progress_lines(snapshot, 10);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "4/10 files (1 failed)   1,234,567 rows   10 MB/s   ETA 20.0 s");
  EXPECT_EQ(lines[1], "  Склад.qvd  insert    50 %  500 of 1,000 rows");
  EXPECT_EQ(lines[2], "  b.qvd      verify  ");
}

TEST(Completion, KnowsEveryCommandAndShell) {
  const CommandTree tree{
      .global = {.name = "qvdhouse", .flags = {"--data-dir", "-v"}, .value_flags = {"--data-dir"}},
      .commands = {{.name = "sync", .help = "it's", .flags = {"--full"}},
                   {.name = "ls", .help = "list"}}};
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell, tree);
    for (const char* word : {"sync", "ls", "full", "data-dir"}) {
      EXPECT_NE(script.find(word), std::string::npos) << shell << " " << word;
    }
  }
  EXPECT_THROW(completion_script("tcsh", tree), UsageError);
}

}  // namespace
}  // namespace qvdhouse::cli
