//! Files compressed with gzip or Zstandard, recognised by their first bytes.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// The maximum window of a Zstandard file, as a power of two: the default limit of the `zstd` program.
const LARGEST_WINDOW: u32 = 27;

/// Returns whether a file that starts with these bytes is compressed.
pub fn is_compressed(start: &[u8]) -> bool {
    start.starts_with(GZIP) || start.starts_with(ZSTD)
}

/// Decompresses a stream if it is compressed. Also returns whether it was.
pub fn decompressed(stream: impl Read + Send + 'static, buffer: usize) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let mut stream = BufReader::with_capacity(buffer, stream);
    let start = stream.fill_buf()?;
    if start.starts_with(GZIP) {
        return Ok((Box::new(flate2::bufread::MultiGzDecoder::new(stream)), true));
    }
    if start.starts_with(ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(stream)?;
        decoder.window_log_max(LARGEST_WINDOW)?;
        return Ok((Box::new(decoder), true));
    }
    Ok((Box::new(stream), false))
}

/// Returns the extension of a file name in lower case, without `.gz` or `.zst`.
pub fn extension(name: &Path) -> String {
    let ending = |path: &Path| path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending(name).as_deref() {
        Some("gz" | "gzip" | "zst" | "zstd") => name.file_stem().and_then(|stem| ending(Path::new(stem))),
        other => other.map(str::to_owned),
    }
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn streams_are_decompressed() {
        let text: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::encode_all(&text[..], 1).unwrap();
        // Concatenated files, as by `cat a.gz b.gz`, decompress as one.
        for (compressed, expected) in [
            (text.clone(), text.clone()),
            (gzip.clone(), text.clone()),
            ([&gzip[..], &gzip].concat(), text.repeat(2)),
            (zstd.clone(), text.clone()),
            ([&zstd[..], &zstd].concat(), text.repeat(2)),
            (Vec::new(), Vec::new()),
        ] {
            let mut read = Vec::new();
            decompressed(io::Cursor::new(compressed), 1 << 16).unwrap().0.read_to_end(&mut read).unwrap();
            assert!(read == expected);
        }
        let cut = gzip[..gzip.len() / 2].to_vec();
        assert!(decompressed(io::Cursor::new(cut), 1 << 16).unwrap().0.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn extensions_of_compressed_files() {
        for (name, expected) in
            [("a.fbin", "fbin"), ("a.FBIN.gz", "fbin"), ("a.csv.zst", "csv"), ("a.gz", ""), ("a", ""), (".gz", "")]
        {
            assert_eq!(extension(Path::new(name)), expected, "{name}");
        }
    }
}
