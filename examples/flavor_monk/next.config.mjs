/** @type {import("next").NextConfig} */
export default {
  poweredByHeader: false,
  // nginx compresses; done here it would also hold back the tokens of a stream
  compress: false,
  // no picture is resized on the box
  images: { unoptimized: true },
  // a box with 2 GB builds with one worker at a time
  experimental: { cpus: 1 },
};
