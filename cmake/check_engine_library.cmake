# cmake -DLIBRARY= -DSHA256= -DPIN= -DSTAMP= -P: fails when the library is another one. A library that
# is not there is the start's business: it may lie elsewhere.
if(NOT EXISTS ${LIBRARY})
  return()
endif()
if(EXISTS ${STAMP} AND ${STAMP} IS_NEWER_THAN ${LIBRARY} AND ${STAMP} IS_NEWER_THAN ${PIN})
  return()
endif()
file(SHA256 ${LIBRARY} found)
if(NOT found STREQUAL SHA256)
  message(FATAL_ERROR "${LIBRARY}: expected sha256 ${SHA256} (${PIN}), found ${found}. "
                      "Fetch it again: rm -r packaging/engine/node_modules; ./dev build")
endif()
file(TOUCH ${STAMP})
