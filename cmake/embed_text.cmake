# qvdhouse_embed_text(TARGET FILE HEADER FUNCTION): puts a text file into a library, as what
# `std::string_view FUNCTION()` of qvdhouse::serve returns; HEADER declares it.
function(qvdhouse_embed_text target file header name)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} text)
  set(output ${CMAKE_BINARY_DIR}/embedded/${name}.cc)
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT "// Written by cmake/embed_text.cmake.
#include \"@header@\"

namespace qvdhouse::serve {

std::string_view @name@() {
  return R\"embedded(@text@)embedded\";
}

}  // namespace qvdhouse::serve
")
  target_sources(${target} PRIVATE ${output})
endfunction()
