# What is installed, and the Debian packages that CPack makes of it (scripts/package): bearerd and bearerd-simulator.
include(GNUInstallDirs)
set(BEARERD_CONTACT "bearerd maintainers <maintainers@bearerd.invalid>" CACHE STRING
    "The packages' Maintainer, to whom faults are reported (SECURITY.md)")

# Writes NAME.gz to the build folder, without the name and time that would make two builds differ.
function(bearerd_gzip source name)
  set(compressed ${PROJECT_BINARY_DIR}/packaging/${name}.gz)
  add_custom_command(OUTPUT ${compressed} DEPENDS ${source} VERBATIM
                     COMMAND sh -c "gzip -9n <\"$1\" >\"$2\"" gzip ${source} ${compressed})
  set_property(GLOBAL APPEND PROPERTY BEARERD_COMPRESSED ${compressed})
endfunction()

set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(made ${PROJECT_BINARY_DIR}/packaging)
file(MAKE_DIRECTORY ${made})
foreach(package bearerd bearerd-simulator)
  set(PACKAGE ${package})
  configure_file(${packaging}/changelog.in ${made}/${package}.changelog @ONLY)
  bearerd_gzip(${made}/${package}.changelog ${package}.changelog)
endforeach()
bearerd_gzip(${PROJECT_SOURCE_DIR}/man/bearerd.1 bearerd.1)
bearerd_gzip(${PROJECT_SOURCE_DIR}/man/bearerd.yaml.5 bearerd.yaml.5)
bearerd_gzip(${PROJECT_SOURCE_DIR}/man/bearerd-sim.1 bearerd-sim.1)
get_property(compressed GLOBAL PROPERTY BEARERD_COMPRESSED)
add_custom_target(bearerd_documents ALL DEPENDS ${compressed})

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME bearerd)
install(FILES systemd/bearerd.service systemd/bearerd@.service systemd/bearerd.socket DESTINATION lib/systemd/system)
install(DIRECTORY DESTINATION /etc/bearerd) # empty: its contents belong to the administrator
install(FILES ${packaging}/bearerd.yaml DESTINATION share/doc/bearerd/examples)
install(FILES completion/bearerd DESTINATION share/bash-completion/completions)
install(FILES completion/_bearerd DESTINATION share/zsh/vendor-completions)
install(FILES completion/bearerd.fish DESTINATION share/fish/vendor_completions.d)
install(FILES ${made}/bearerd.1.gz DESTINATION share/man/man1)
install(FILES ${made}/bearerd.yaml.5.gz DESTINATION share/man/man5)
install(FILES ${packaging}/copyright DESTINATION share/doc/bearerd)
install(FILES ${made}/bearerd.changelog.gz DESTINATION share/doc/bearerd RENAME changelog.gz)
install(DIRECTORY config/ DESTINATION share/doc/bearerd/examples)
# In the same places as in the checkout, because the files refer to each other (packaging/check-documents checks that).
install(FILES README.md SECURITY.md ARCHITECTURE.md CONTRIBUTING.md DESTINATION share/doc/bearerd)
install(DIRECTORY docs DESTINATION share/doc/bearerd)
install(FILES bench/README.md DESTINATION share/doc/bearerd/bench)
install(FILES src/simulator/README.md DESTINATION share/doc/bearerd/src/simulator)
install(CODE [[file(CREATE_LINK examples "$ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share/doc/bearerd/config" SYMBOLIC)]])
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME simulator)
install(FILES ${made}/bearerd-sim.1.gz DESTINATION share/man/man1)
install(FILES ${packaging}/copyright DESTINATION share/doc/bearerd-simulator)
install(FILES ${made}/bearerd-simulator.changelog.gz DESTINATION share/doc/bearerd-simulator RENAME changelog.gz)
if(BUILD_TESTING) # then the simulator is built
  file(READ src/simulator/README.md reference)
  string(REPLACE ../../docs/ "" reference "${reference}") # next to it
  file(WRITE ${made}/simulator/README.md "${reference}")
  install(FILES ${made}/simulator/README.md docs/epos-integration.md DESTINATION share/doc/bearerd-simulator)
endif()
unset(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "${BEARERD_CONTACT}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # otherwise it would precede the summary of each package
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL bearerd)
if(BUILD_TESTING)
  list(APPEND CPACK_COMPONENTS_ALL simulator)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_BEARERD_PACKAGE_NAME bearerd)
set(CPACK_DEBIAN_BEARERD_PACKAGE_SECTION net)
set(CPACK_DEBIAN_BEARERD_PACKAGE_DEPENDS "ca-certificates, libsystemd0") # the second is loaded, not linked
set(CPACK_DEBIAN_BEARERD_PACKAGE_SUGGESTS bearerd-simulator)
set(CPACK_DEBIAN_BEARERD_PACKAGE_CONTROL_EXTRA
    "${packaging}/preinst;${packaging}/postinst;${packaging}/prerm;${packaging}/postrm")
set(CPACK_COMPONENT_BEARERD_DESCRIPTION "local authenticating reverse proxy for GraphQL APIs
Apps on this machine send GraphQL over plain HTTP, without credentials, to a
loopback address. bearerd logs in to the upstream API, attaches the current
bearer token, forwards over TLS, renews the token, and never executes a
mutation twice.")

set(CPACK_DEBIAN_SIMULATOR_PACKAGE_NAME bearerd-simulator)
set(CPACK_DEBIAN_SIMULATOR_PACKAGE_SECTION net)
set(CPACK_COMPONENT_SIMULATOR_DESCRIPTION "simulator of the GraphQL API behind bearerd, for tests
A gift-card API over TLS with logins, rotating tokens and faults on demand,
to develop and test tills against without an account.")
include(CPack)
