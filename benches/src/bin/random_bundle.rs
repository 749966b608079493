//! Writes a bundle with random weights for a scene: `random-bundle SCENE ARCHITECTURE FOLDER`.

use std::error::Error;
use std::path::Path;

use areal_benches::random_bundle;
use areal_formats::SceneSettings;
use areal_raster::Scene;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [scene, architecture, folder] = args.as_slice() else {
        return Err("usage: random-bundle SCENE ARCHITECTURE FOLDER".into());
    };
    let scene = Scene::open(&SceneSettings::new("scene", vec![scene.into()]))?;
    random_bundle(Path::new(folder), &scene, architecture.parse()?)
}
