// How loud a stream is.

const FLOOR_DB = -54; // quieter is silence to the eye
const RANGE_DB = 48;

/** A function that gives the loudness of a MediaStream now: 0 silent … 1 loud. */
export function level(context, stream) {
  const analyser = new AnalyserNode(context, { fftSize: 1024 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return () => {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    const db = 10 * Math.log10(power + 1e-12);
    return Math.min(1, Math.max(0, (db - FLOOR_DB) / RANGE_DB));
  };
}
