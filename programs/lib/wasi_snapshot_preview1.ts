// The host's functions that programs use. A file's name is the name of the module that its declarations come from.
export declare function fd_read(fd: i32, iovecs: usize, iovecCount: i32, readBytes: usize): i32
export declare function fd_write(fd: i32, iovecs: usize, iovecCount: i32, writtenBytes: usize): i32
export declare function proc_exit(code: i32): void
