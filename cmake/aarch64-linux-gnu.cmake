# Toolchain file: on another Debian machine, for arm64, by Debian's cross compiler and its arm64 libraries, which lie
# beside the machine's own (scripts/cross-arm64).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# Programs run by name, without the kernel's help, also to find out which tests they have.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
# What pkg-config of the machine itself finds would be the wrong architecture's.
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig)
set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
