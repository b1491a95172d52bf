// Where the programs of the test servers are: unpacked below build/servers and installed below
// tests/servers/node_modules by `./dev test`, never installed on the machine.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/support/process.h"

namespace qvdhouse::tests {

// Something has not been made available; the message says what and how to get it. Tests skip.
struct NotAvailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A file that a Debian package brings: "/usr/sbin/nginx". Throws NotAvailable.
std::filesystem::path unpacked(const std::string& path);
// A program of the machine, by name. Throws NotAvailable.
std::filesystem::path machine_program(const std::string& name);
// A file below tests/servers/node_modules. Throws NotAvailable.
std::filesystem::path node_module(const std::string& path);

// What unpacked programs need to find their libraries and Python modules.
Environment unpacked_environment();

// A configuration of tests/servers with every @NAME@ replaced, written to `to`.
void write_configuration(const std::string& name, const std::filesystem::path& to,
                         const Environment& values);
void write_file(const std::filesystem::path& path, const std::string& text);

// Runs a program to its end and returns what it printed. Throws std::runtime_error when it failed.
std::string output_of(const std::filesystem::path& program,
                      const std::vector<std::string>& arguments,
                      const Environment& environment = {});

}  // namespace qvdhouse::tests
