# Embeds src/admin/status_page.{html,css,js} into module admin, so that the daemon is one file and reads none at run
# time. Include after bearerd_module(admin ...).
set(STATUS_PAGE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/admin)
foreach(kind html css js)
  string(TOUPPER STATUS_PAGE_${kind} variable)
  file(READ ${STATUS_PAGE_DIR}/status_page.${kind} ${variable})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${STATUS_PAGE_DIR}/status_page.${kind})
endforeach()
configure_file(${STATUS_PAGE_DIR}/status_page.cpp.in ${CMAKE_CURRENT_BINARY_DIR}/admin/status_page.cpp @ONLY)
target_sources(bearerd_admin PRIVATE ${CMAKE_CURRENT_BINARY_DIR}/admin/status_page.cpp)
# Its functions are as long as the page: clang-tidy, which reads several files as one, leaves it alone.
set_source_files_properties(${CMAKE_CURRENT_BINARY_DIR}/admin/status_page.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
