# bearerd_module(NAME [PCH] [USES module...] [LINK library...])
#
# Adds a static library for each module of ARCHITECTURE.md: src/NAME/*.cpp with the headers of include/bearerd/NAME.
# USES names the modules below it that it may include. Other modules are not linked, so a wrong dependency does not
# build. PCH uses the shared precompiled header (Asio and Beast).
function(bearerd_module name)
  cmake_parse_arguments(ARG "PCH" "" "USES;LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp)
  set(target bearerd_${name})
  set(visibility PUBLIC)
  if(sources)
    add_library(${target} STATIC ${sources})
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/${name})
    if(ARG_PCH)
      target_precompile_headers(${target} REUSE_FROM bearerd_asio)
    endif()
  else() # headers only
    add_library(${target} INTERFACE)
    set(visibility INTERFACE)
  endif()
  target_link_libraries(${target} ${visibility} bearerd_options ${ARG_LINK})
  foreach(module IN LISTS ARG_USES)
    target_link_libraries(${target} ${visibility} bearerd_${module})
  endforeach()
endfunction()
