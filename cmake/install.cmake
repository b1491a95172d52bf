# What `cmake --install` puts where, below any prefix: the program finds its engine beside itself
# (lib/qvdhouse), so a tree that was installed can be moved. Two components, which are packages of their
# own: qvdhouse, and engine (the library, which is forty times as large).
set(own_folder lib/qvdhouse)
install(TARGETS qvdhouse DESTINATION bin COMPONENT qvdhouse)
install(TARGETS qvdhouse-engine DESTINATION ${own_folder} COMPONENT qvdhouse)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION share/doc/qvdhouse COMPONENT qvdhouse)
install(DIRECTORY docs DESTINATION share/doc/qvdhouse COMPONENT qvdhouse)
install(DIRECTORY packaging/systemd packaging/prometheus packaging/grafana packaging/container
        DESTINATION share/qvdhouse COMPONENT qvdhouse)
# What the program itself prints: its manual, its completions; and its second name.
install(SCRIPT cmake/install_printed.cmake COMPONENT qvdhouse)

install(FILES packaging/engine/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
        DESTINATION ${own_folder} COMPONENT engine)
