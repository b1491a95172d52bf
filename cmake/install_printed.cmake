# Of `cmake --install`, after the program is in place: its second name, its manual pages and its
# completions for bash, zsh and fish, where the shells of a system look for them.
set(prefix $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX})

# print(FILE ARGUMENT…): what the program prints, as a file below the prefix.
function(print file)
  execute_process(COMMAND ${prefix}/bin/qvdhouse ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  file(WRITE ${prefix}/share/${file} "${text}")
endfunction()

file(CREATE_LINK qvdhouse ${prefix}/bin/init_qvd SYMBOLIC)
print(man/man1/qvdhouse.1 man)
file(WRITE ${prefix}/share/man/man1/init_qvd.1 ".so man1/qvdhouse.1\n")
print(zsh/vendor-completions/_qvdhouse completion zsh)
foreach(name qvdhouse init_qvd)
  print(bash-completion/completions/${name} completion bash)
  print(fish/vendor_completions.d/${name}.fish completion fish)
endforeach()
