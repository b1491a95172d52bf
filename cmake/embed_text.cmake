# qvdhouse_embed_text(MODULE FILE HEADER FUNCTION): puts a text file into a module's library, as what
# `std::string_view FUNCTION()` of qvdhouse::MODULE returns; HEADER declares it.
function(qvdhouse_embed_text module file header name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  # A literal has 65,536 characters at most: JSON goes without its indentation.
  if(file MATCHES "\\.json$")
    string(REGEX REPLACE "\n +" "\n" text "${text}")
  endif()
  set(output ${CMAKE_BINARY_DIR}/embedded/${name}.cc)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT "// Written by cmake/embed_text.cmake.
#include \"@header@\"

namespace qvdhouse::@module@ {

std::string_view @name@() {
  return R\"embedded(@text@)embedded\";
}

}  // namespace qvdhouse::@module@
")
  target_sources(qvdhouse_${module} PRIVATE ${output})
endfunction()
