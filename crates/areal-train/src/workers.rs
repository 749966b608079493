//! A thread pool that training itself takes part in.

/// Does `work` in a thread that is itself one of the workers who share its parallel parts. Handing the hundreds of
/// small parallel parts of a step to other threads, and waiting for them, would cost a tenth of the step.
///
/// It is one thread from first to last, because running statistics are kept by thread.
pub fn among_workers<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let threads = rayon::current_num_threads();
            // If the pool cannot be built, the global one is used.
            let _pool = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build();
            work()
        });
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
